export { type IgnoreRules, noIgnoreRules, parseDockerignore } from './dockerignore.ts'
export { defaultSourceLimits, type SourceLimits } from './entry-check.ts'
export { type PackedFolder, packFolder } from './pack-folder.ts'
export { createUploads, type ReceivedUpload, type Uploads, type UploadsOptions } from './uploads.ts'
