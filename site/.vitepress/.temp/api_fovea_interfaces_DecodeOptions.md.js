import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: DecodeOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/DecodeOptions.md","filePath":"api/fovea/interfaces/DecodeOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/DecodeOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-decodeoptions" tabindex="-1">Interface: DecodeOptions <a class="header-anchor" href="#interface-decodeoptions" aria-label="Permalink to &quot;Interface: DecodeOptions&quot;">​</a></h1><p>Options of <a href="./../functions/decodeImage">decodeImage</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-shorterside"></a> <code>shorterSide?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Scale the shorter side down to this, like <code>resizeShorter</code>; smaller images stay as they are. Photographs are first decoded at a reduced size, at least twice this, which is several times faster.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/DecodeOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const DecodeOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  DecodeOptions as default
};
