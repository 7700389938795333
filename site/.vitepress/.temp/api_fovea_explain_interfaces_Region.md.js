import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Region","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/Region.md","filePath":"api/fovea/explain/interfaces/Region.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/Region.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-region" tabindex="-1">Interface: Region <a class="header-anchor" href="#interface-region" aria-label="Permalink to &quot;Interface: Region&quot;">​</a></h1><p>A part of an image, in its pixels; it may extend beyond the border.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-height"></a> <code>height</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Rows that it has.</td></tr><tr><td style="text-align:left;"><a id="property-left"></a> <code>left</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Columns left of it.</td></tr><tr><td style="text-align:left;"><a id="property-top"></a> <code>top</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Rows above it.</td></tr><tr><td style="text-align:left;"><a id="property-width"></a> <code>width</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Columns that it has.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/Region.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Region = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Region as default
};
