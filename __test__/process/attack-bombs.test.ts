import { testAttacks } from './attacks.js'

testAttacks('bombs')
