declare module "fs-native-extensions" {
  /** False while another open file holds the lock. @throws if the file system has no locks. */
  export function tryLock(fd: number): boolean;
}
