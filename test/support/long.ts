import { type TestContext, test } from "node:test";

/** Whether long tests run: `npm run test:all` sets FOVEA_TESTS=all. */
export const runsLong = process.env.FOVEA_TESTS === "all";

/** A test for `npm run test:all` only: it takes long, and `npm test` has a quicker one of its kind. */
export function longTest(name: string, body: (t: TestContext) => void | Promise<void>): void {
  if (runsLong) test(name, body);
  else test(name, { skip: "long; npm run test:all runs them" });
}

/** A test that is long for some of its cases. */
export const testUnless = (isLong: boolean): typeof longTest =>
  isLong ? longTest : (name, body) => void test(name, body);
