import { load } from 'cheerio'

export const input = '<!doctype html><table><tr><th>Name<th>Price<tr class="row odd"><td>Tea<td data-c="199">1.99<tr class=row><td>Caf&eacute;<td data-c=250>2.50</table><p>a<p>b<a href="/x?y=1&amp;z=2">l</a>'

export function answer(html: string) {
  const $ = load(html)
  $('a[href^="/x"]').attr('rel', 'nofollow').append('<b>!</b>').closest('p').addClass('last')
  return {
    rows: $('tr.row').map((_, row) => ({ name: $(row).find('td').first().text(), cents: $(row).children('[data-c]').data('c') })).get(),
    odd: $('tr:not(.odd):has(td)').length,
    extracted: $.extract({ names: ['td:first-child'], link: { selector: 'a', value: 'href' } }),
    html: $('body').html(),
    xml: load('<a><b/><c>&lt;</c></a>', { xml: true }).xml(),
  }
}
