import { testAttacks } from './attacks.js'

testAttacks('hangs')
