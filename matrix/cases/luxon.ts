import { DateTime, Duration, Info, Interval } from 'luxon'

export const input = { at: '2024-03-31T01:30:00', zones: ['Europe/Berlin', 'Asia/Tokyo', 'America/St_Johns'] }

export function answer({ at, zones }: typeof input) {
  const time = DateTime.fromISO(at, { zone: 'Europe/Berlin' })
  return {
    // The clock goes from 02:00 to 03:00 that night.
    summer: time.plus({ hours: 1 }).toISO(),
    zones: zones.map((zone) => time.setZone(zone).toFormat("yyyy-MM-dd HH:mm ZZ z")),
    german: time.setLocale('de').toLocaleString({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }),
    format: time.setLocale('fr').toFormat("cccc d LLLL yyyy"),
    months: Info.months('short', { locale: 'es' }),
    parsed: DateTime.fromFormat('5 mai 2023', 'd MMMM yyyy', { locale: 'fr', zone: 'utc' }).toISO(),
    weeks: Interval.fromDateTimes(time, time.plus({ weeks: 3 })).splitBy({ weeks: 1 }).length,
    duration: Duration.fromObject({ hours: 50, minutes: 75 }).normalize().shiftTo('days', 'hours', 'minutes').toObject(),
    invalid: DateTime.fromISO('2024-02-30').invalidExplanation,
    parts: time.setLocale('en-US').toLocaleParts({ hour: 'numeric', minute: 'numeric', hourCycle: 'h23' }).map(({ type }) => type),
  }
}
