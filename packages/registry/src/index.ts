export {
  credentialOf,
  isLoopback,
  parseReference,
  type RegistryAuth,
  type RegistryCredential
} from './reference.ts'
export { createRegistryClient, type Manifest, type RegistryClient } from './registry.ts'
