import { EMPTY, Observable, ReplaySubject, Subject, VirtualTimeScheduler, asapScheduler, catchError, concatMap, debounceTime, defer, delay, expand, firstValueFrom, from, groupBy, interval, lastValueFrom, map, mergeMap, observeOn, of, reduce, retry, scan, share, switchMap, take, toArray, withLatestFrom, zip } from 'rxjs'

export const input = [1, 2, 3, 4, 5, 6]

export async function answer(numbers: typeof input) {
  let tries = 0
  const flaky = defer(() => ((tries += 1) < 3 ? new Observable<number>((observer) => observer.error(new Error('no'))) : of(tries)))
  // A clock of its own: nothing waits.
  const clock = new VirtualTimeScheduler()
  const ticks: string[] = []
  interval(100, clock).pipe(take(6), switchMap((n) => of(`${n}@`).pipe(delay(n === 3 ? 150 : 10, clock))), debounceTime(50, clock)).subscribe((text) => ticks.push(text + clock.frame))
  clock.flush()
  const subject = new Subject<number>()
  const shared = subject.pipe(scan((a, b) => a + b, 0), share({ connector: () => new ReplaySubject(1) }))
  const left: number[] = []
  shared.subscribe((n) => left.push(n))
  subject.next(1)
  subject.next(2)
  const right: number[] = []
  shared.subscribe((n) => right.push(n))
  subject.next(3)
  subject.complete()
  return {
    grouped: await lastValueFrom(from(numbers).pipe(groupBy((n) => n % 2), mergeMap((group) => group.pipe(reduce((a, b) => a + b), map((sum) => [group.key, sum]))), toArray())),
    asap: await lastValueFrom(from(numbers).pipe(observeOn(asapScheduler), concatMap(async (n) => n * n), toArray())),
    expanded: await lastValueFrom(of(1).pipe(expand((n) => (n < 50 ? of(n * 3) : EMPTY)), toArray())),
    retried: await firstValueFrom(flaky.pipe(retry(5))),
    caught: await firstValueFrom(zip(of(1), new Observable<never>((observer) => observer.error(new Error('x')))).pipe(catchError((error: Error) => of(error.message)))),
    latest: await lastValueFrom(of('a', 'b').pipe(withLatestFrom(of(9)), toArray())),
    ticks,
    left,
    right,
  }
}
