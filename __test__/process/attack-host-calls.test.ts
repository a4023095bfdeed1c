import { testAttacks } from './attacks.js'

testAttacks('hostCalls')
