import { testAttacks } from './attacks.js'

testAttacks('oddities')
