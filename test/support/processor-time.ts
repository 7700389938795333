/** Milliseconds of processor time of this process: unlike those of a clock, they do not grow where the machine does other things. */
export const processorTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
