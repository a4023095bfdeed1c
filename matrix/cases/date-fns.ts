import { addBusinessDays, differenceInCalendarDays, eachWeekOfInterval, format, formatDistance, formatISO, intervalToDuration, parse } from 'date-fns'
import { de, ja } from 'date-fns/locale'

export const input = { start: '2024-02-27 13:05', days: 5 }

export function answer({ start, days }: typeof input) {
  const from = parse(start, 'yyyy-MM-dd HH:mm', new Date(2000, 0, 1))
  const to = addBusinessDays(from, days)
  return {
    to: formatISO(to, { representation: 'date' }),
    german: format(from, "EEEE, do MMMM yyyy 'um' HH:mm", { locale: de }),
    japanese: format(from, 'PPPP', { locale: ja }),
    distance: formatDistance(from, new Date(2025, 5, 1), { locale: de, addSuffix: true }),
    days: differenceInCalendarDays(to, from),
    duration: intervalToDuration({ start: from, end: new Date(2025, 5, 1, 12) }),
    weeks: eachWeekOfInterval({ start: from, end: new Date(2024, 3, 1) }, { weekStartsOn: 1 }).map((day) => format(day, 'I')),
    invalid: Number.isNaN(parse('2024-02-31', 'yyyy-MM-dd', new Date()).getTime()),
  }
}
