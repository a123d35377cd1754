export { createEncryption, type Encryption, type Holding } from './encryption.ts'
export {
  decrypt,
  type EncryptionKey,
  encrypt,
  type Keyring,
  keyIdOf,
  newEncryptionKey,
  parseKeyring
} from './keyring.ts'
export { ensureKeyring, keyringOf, replaceKeyring } from './keyring-file.ts'
export { createRedactor, type Redactor, redactFailure, shortestRedacted } from './redact.ts'
export { openValue, type SealScope, sealValue } from './seal.ts'
export { fingerprintOf, makeSealingKey, privateKeyOf, privateKeysIn } from './sealing-key.ts'
