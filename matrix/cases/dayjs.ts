import dayjs from 'dayjs'
import customParseFormat from 'dayjs/plugin/customParseFormat.js'
import duration from 'dayjs/plugin/duration.js'
import relativeTime from 'dayjs/plugin/relativeTime.js'
import timezone from 'dayjs/plugin/timezone.js'
import utc from 'dayjs/plugin/utc.js'
import 'dayjs/locale/fr.js'

dayjs.extend(customParseFormat)
dayjs.extend(duration)
dayjs.extend(relativeTime)
dayjs.extend(utc)
dayjs.extend(timezone)

export const input = { at: '29/02/2024 23:30', zone: 'America/New_York' }

export function answer({ at, zone }: typeof input) {
  const utcTime = dayjs.utc(at, 'DD/MM/YYYY HH:mm')
  return {
    iso: utcTime.toISOString(),
    zoned: utcTime.tz(zone).format('YYYY-MM-DD HH:mm Z'),
    summer: dayjs.tz('2024-07-01 12:00', zone).toISOString(),
    french: utcTime.locale('fr').format('dddd D MMMM YYYY'),
    month: utcTime.add(1, 'year').endOf('month').format('DD.MM.YYYY'),
    since: utcTime.locale('fr').from(dayjs.utc('2024-03-05')),
    lasted: dayjs.duration(98_765_432).format('D[d] H[h] m[m]'),
    strict: dayjs('2024-13-01', 'YYYY-MM-DD', true).isValid(),
  }
}
