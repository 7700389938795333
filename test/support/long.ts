/** Whether long tests run: `npm run test:all` sets FOVEA_TESTS=all. */
export const runsLong = process.env.FOVEA_TESTS === "all";

/** The `skip` of a long test. `npm test` has a quicker one of its kind, if only of the library beneath. */
export const ifLong: string | false = runsLong ? false : "long; npm run test:all runs them";
