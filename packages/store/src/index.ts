export { dumpStore } from './dump.ts'
export { type RestoreOptions, refuseWhileInUse, restoreStore } from './restore.ts'
export { createStore, type StoreConfig } from './store.ts'
