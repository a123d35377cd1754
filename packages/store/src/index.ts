export { dumpStore } from './dump.ts'
export { connectedForges } from './forge-apps.ts'
export { type RestoreOptions, refuseWhileInUse, restoreStore } from './restore.ts'
export { createStore, type StoreConfig } from './store.ts'
