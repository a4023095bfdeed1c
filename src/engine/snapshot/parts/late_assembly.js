// Makes one part of the pieces for late built-ins.
(prepareBase, makeLate, pieces) => (tools) => {
  'use strict'
  pieces.base = prepareBase()
  return makeLate(tools, pieces)
}
