'use strict'
// The process that builds snapshots: isoseed starts it itself and talks to it over pipes.
require('./native.js').runHelper()
