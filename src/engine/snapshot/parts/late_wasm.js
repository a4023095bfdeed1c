// draft
() => ({ __proto__: null, settle: () => false, restore() {} })
