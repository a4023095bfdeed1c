import 'core-js/actual/url/index.js'
