import i18next from 'i18next'

const resources = {
  en: { translation: { items_one: '{{count}} item', items_other: '{{count}} items', place_ordinal_one: '{{count}}st', place_ordinal_two: '{{count}}nd', place_ordinal_other: '{{count}}th', price: 'costs {{value, currency(EUR)}}', nested: 'see $t(deep.key)', deep: { key: 'deep {{name}}' } } },
  pl: { translation: { items_one: '{{count}} rzecz', items_few: '{{count}} rzeczy', items_many: '{{count}} rzeczy!' } },
}
const i18n = i18next.createInstance({ resources, lng: 'en', fallbackLng: 'en', initAsync: false })
void i18n.init()

export const input = [1, 2, 5, 22]

export function answer(counts: typeof input) {
  const polish = i18n.getFixedT('pl')
  return {
    english: counts.map((count) => i18n.t('items', { count })),
    places: counts.map((count) => i18n.t('place', { count, ordinal: true })),
    polish: counts.map((count) => polish('items', { count })),
    price: i18n.t('price', { value: 1234.5 }),
    nested: i18n.t('nested', { name: '<x>' }),
    missing: [i18n.t('no.such', { defaultValue: 'default' }), i18n.exists('deep.key'), polish('deep.key', { name: 'y' })],
  }
}
