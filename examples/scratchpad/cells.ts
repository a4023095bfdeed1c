// What a model writes into its notebook, cell by cell, on two days.

export type Day = 'today' | 'tomorrow'

export const cells: Record<Day, string[]> = {
  today: [
    `state.df = readCsv('orders.csv'); state.df.shape`,
    // A function that the next cells use. It needs nothing but globals, so it is kept, too.
    `function euros(cents) { return '€ ' + (cents / 100).toFixed(2) }`,
    `state.large = state.df.where((row) => row.cents >= 10_000); euros(state.large.sum('cents'))`,
    `state.byCustomer = state.df.groupBy('customer'); state.byCustomer.get('Ada').shape`,
    // A plain global, as in a notebook.
    `best = [...state.byCustomer].sort(([, a], [, b]) => b.sum('cents') - a.sum('cents'))[0][0]`,
    // A cell with a mistake, after it has already made a mess: none of it happened.
    `state.byCustomer.clear(); state.df.rows.length = 0; state.df.plot()`,
    // What can't be there tomorrow is refused today, by name.
    `state.report = { title: 'Orders', refresh: () => state.df.shape }`,
    `state.df.rows.length`,
  ],
  tomorrow: [
    `state.df.shape`,
    // Not what looks like it: the class of the snapshot, dates that are dates, and one row that two tables share.
    `[state.df instanceof DataFrame, state.df.rows[0].day instanceof Date, state.large.rows[0] === state.df.rows[1]]`,
    `best + ': ' + euros(state.byCustomer.get(best).sum('cents'))`,
    // So a change of one is seen in all.
    `state.df.rows[1].cents += 500; [euros(state.large.sum('cents')), euros(state.byCustomer.get('Grace').sum('cents'))]`,
  ],
}
