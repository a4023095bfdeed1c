import { Cause, Context, Data, Effect, Exit, Layer, Option, Ref, Result, Schedule, Schema, Stream, pipe } from 'effect'

class NotFound extends Data.TaggedError('NotFound')<{ id: number }> {}
class Users extends Context.Service<Users, { find: (id: number) => Effect.Effect<{ id: number; name: string }, NotFound> }>()('Users') {}
const live = Layer.succeed(Users, { find: (id: number) => (id < 3 ? Effect.succeed({ id, name: `user ${id}` }) : Effect.fail(new NotFound({ id }))) })
const Order = Schema.Struct({ id: Schema.NumberFromString, tags: Schema.NonEmptyArray(Schema.String), note: Schema.optional(Schema.String) })

export const input = [1, 2, 3]

export async function answer(ids: typeof input) {
  const program = Effect.gen(function* () {
    const users = yield* Users
    const tries = yield* Ref.make(0)
    const flaky = pipe(Ref.updateAndGet(tries, (n) => n + 1), Effect.flatMap((n) => (n < 3 ? Effect.fail('again') : Effect.succeed(n))), Effect.retry(Schedule.recurs(5)))
    const found = yield* Effect.forEach(ids, (id) => Effect.result(users.find(id)), { concurrency: 2 })
    const squares = yield* pipe(Stream.fromIterable(ids), Stream.map((n) => n * n), Stream.runCollect)
    return { tried: yield* flaky, found: found.map(Result.match({ onFailure: ({ _tag, id }) => `${_tag} ${id}`, onSuccess: ({ name }) => name })), squares: [...squares] }
  })
  const failed = Effect.runSyncExit(Effect.die(new Error('defect')))
  const invalid = Schema.decodeUnknownExit(Order)({ id: '1', tags: [] })
  return {
    result: await Effect.runPromise(Effect.provide(program, live)),
    defect: Exit.isFailure(failed) && Cause.pretty(failed.cause).split('\n')[0],
    decoded: Schema.decodeUnknownSync(Order)({ id: '7', tags: ['a'] }),
    invalid: Exit.isFailure(invalid) && String(Cause.squash(invalid.cause)),
    option: pipe(Option.fromNullishOr(ids[5]), Option.getOrElse(() => 'none')),
  }
}
