declare module "fs-native-extensions" {
  /** False while another open file holds the lock. @throws where the file system knows no locks. */
  export function tryLock(fd: number): boolean;
}
