export interface RegistryCredentials {
  username: string
  password: string
}
