import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Box","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/interfaces/Box.md","filePath":"api/fovea/engine/interfaces/Box.md"}');
const _sfc_main = { name: "api/fovea/engine/interfaces/Box.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-box" tabindex="-1">Interface: Box <a class="header-anchor" href="#interface-box" aria-label="Permalink to &quot;Interface: Box&quot;">​</a></h1><p>A rectangle of pixels.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-height"></a> <code>height</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Height in pixels.</td></tr><tr><td style="text-align:left;"><a id="property-left"></a> <code>left</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Left edge, in pixels.</td></tr><tr><td style="text-align:left;"><a id="property-top"></a> <code>top</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Top edge, in pixels.</td></tr><tr><td style="text-align:left;"><a id="property-width"></a> <code>width</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Width in pixels.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/interfaces/Box.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Box = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Box as default
};
