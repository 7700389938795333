import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: TrainResult","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/TrainResult.md","filePath":"api/fovea/interfaces/TrainResult.md"}');
const _sfc_main = { name: "api/fovea/interfaces/TrainResult.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-trainresult" tabindex="-1">Interface: TrainResult <a class="header-anchor" href="#interface-trainresult" aria-label="Permalink to &quot;Interface: TrainResult&quot;">​</a></h1><p>A finished or stopped training.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-best"></a> <code>best</code></td><td style="text-align:left;"><a href="./EpochRecord"><code>EpochRecord</code></a> | <code>undefined</code></td><td style="text-align:left;">The record of the best epoch.</td></tr><tr><td style="text-align:left;"><a id="property-history"></a> <code>history</code></td><td style="text-align:left;">readonly <a href="./EpochRecord"><code>EpochRecord</code></a>[]</td><td style="text-align:left;">One record per epoch.</td></tr><tr><td style="text-align:left;"><a id="property-stopped"></a> <code>stopped</code></td><td style="text-align:left;"><code>boolean</code></td><td style="text-align:left;">Whether <code>signal</code> ended it early.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/TrainResult.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const TrainResult = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  TrainResult as default
};
