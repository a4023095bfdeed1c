import { Crypto, SubtleCrypto, crypto } from '../crypto.js'
import { expose, exposeClass } from '../idl.js'
import './dom-exception.js'

for (const each of [Crypto, SubtleCrypto]) exposeClass(each)
expose('crypto', crypto)
