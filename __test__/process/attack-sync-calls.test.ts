import { testAttacks } from './attacks.js'

testAttacks('syncCalls')
