// The bridge: trusted code that runs before the bundle and gives the guest what its host offers.
// oxlint-disable-next-line no-unused-vars -- a global of the guest
function formatMoney(cents) {
  return `${(cents / 100).toFixed(2)} EUR`
}
