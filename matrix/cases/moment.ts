import moment from 'moment'
import 'moment/locale/de.js'

export const input = { at: '2024-02-29T23:30:00Z', offset: '+05:30' }

export function answer({ at, offset }: typeof input) {
  const time = moment.utc(at)
  return {
    shifted: time.clone().utcOffset(offset).format('LLLL'),
    english: time.clone().locale('en').format('dddd, MMMM Do YYYY, h:mm:ss a'),
    week: [time.isoWeek(), time.isoWeekYear(), time.dayOfYear()],
    parsed: moment.utc('31.12.2023 10 Uhr', 'DD.MM.YYYY H [Uhr]', true).toISOString(),
    wrong: moment.utc('2023-02-30', 'YYYY-MM-DD', true).isValid(),
    calendar: time.clone().locale('en').calendar(moment.utc('2024-03-01')),
    human: moment.duration({ days: 3, hours: 5 }).locale('en').humanize(),
    diff: moment.utc('2025-01-31').diff(time, 'months', true).toFixed(6),
  }
}
