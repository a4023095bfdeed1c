import { testAttacks } from './attacks.js'

testAttacks('references')
