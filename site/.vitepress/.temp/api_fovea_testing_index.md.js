import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"fovea/testing","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/testing/index.md","filePath":"api/fovea/testing/index.md"}');
const _sfc_main = { name: "api/fovea/testing/index.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="fovea-testing" tabindex="-1">fovea/testing <a class="header-anchor" href="#fovea-testing" aria-label="Permalink to &quot;fovea/testing&quot;">​</a></h1><h2 id="interfaces" tabindex="-1">Interfaces <a class="header-anchor" href="#interfaces" aria-label="Permalink to &quot;Interfaces&quot;">​</a></h2><ul><li><a href="./interfaces/CheckOptions">CheckOptions</a></li><li><a href="./interfaces/CheckReport">CheckReport</a></li><li><a href="./interfaces/GoldenReport">GoldenReport</a></li><li><a href="./interfaces/TrainedData">TrainedData</a></li><li><a href="./interfaces/Worst">Worst</a></li></ul><h2 id="functions" tabindex="-1">Functions <a class="header-anchor" href="#functions" aria-label="Permalink to &quot;Functions&quot;">​</a></h2><ul><li><a href="./functions/checkFunction">checkFunction</a></li><li><a href="./functions/checkGolden">checkGolden</a></li><li><a href="./functions/checkModule">checkModule</a></li><li><a href="./functions/magnitude">magnitude</a></li><li><a href="./functions/relativeError">relativeError</a></li></ul></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/testing/index.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const index = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  index as default
};
