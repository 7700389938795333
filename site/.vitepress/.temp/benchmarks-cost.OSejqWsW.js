const _imports_2 = "/assets/benchmarks-cost.D3L7Hfkw.svg";
export {
  _imports_2 as _
};
