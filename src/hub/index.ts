export { cacheFolder } from "./cache.js";
export { type DownloadOptions, type DownloadProgress, fetchToCache } from "./download.js";
export { DownloadError } from "./errors.js";
export { resolveWeights } from "./resolve.js";
export {
  type FileSource,
  type HubSource,
  parseSource,
  type RemoteSource,
  type UrlSource,
  type WeightSource,
} from "./source.js";
