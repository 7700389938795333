import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: CheckpointOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/CheckpointOptions.md","filePath":"api/fovea/interfaces/CheckpointOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/CheckpointOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-checkpointoptions" tabindex="-1">Interface: CheckpointOptions <a class="header-anchor" href="#interface-checkpointoptions" aria-label="Permalink to &quot;Interface: CheckpointOptions&quot;">​</a></h1><p>Options of <a href="./../functions/readCheckpoint">readCheckpoint</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-ema"></a> <code>ema?</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Take the exponential moving average of the weights, if the checkpoint has one next to the plain weights.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-part"></a> <code>part?</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Take the weights at this place in a PyTorch file: <code>part</code> or one of <code>otherParts</code> as returned without this option, or, of those, the keys with this prefix, such as <code>model.teacher</code>.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/CheckpointOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const CheckpointOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  CheckpointOptions as default
};
