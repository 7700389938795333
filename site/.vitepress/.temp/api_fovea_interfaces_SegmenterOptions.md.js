import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: SegmenterOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/SegmenterOptions.md","filePath":"api/fovea/interfaces/SegmenterOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/SegmenterOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-segmenteroptions" tabindex="-1">Interface: SegmenterOptions <a class="header-anchor" href="#interface-segmenteroptions" aria-label="Permalink to &quot;Interface: SegmenterOptions&quot;">​</a></h1><p>Options of <a href="./../functions/openSegmenter">openSegmenter</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-engine"></a> <code>engine</code></td><td style="text-align:left;"><a href="./Engine"><code>Engine</code></a></td><td style="text-align:left;">What computes.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/SegmenterOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const SegmenterOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  SegmenterOptions as default
};
