import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: SeenImage","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/SeenImage.md","filePath":"api/fovea/explain/interfaces/SeenImage.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/SeenImage.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-seenimage" tabindex="-1">Interface: SeenImage <a class="header-anchor" href="#interface-seenimage" aria-label="Permalink to &quot;Interface: SeenImage&quot;">​</a></h1><p>An image of the validation data.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-image"></a> <code>image</code></td><td style="text-align:left;"><code>Thumbnail</code></td><td style="text-align:left;">-</td></tr><tr><td style="text-align:left;"><a id="property-index"></a> <code>index</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Its position there.</td></tr><tr><td style="text-align:left;"><a id="property-label"></a> <code>label</code></td><td style="text-align:left;"><code>string</code></td><td style="text-align:left;">The name of its class.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/SeenImage.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const SeenImage = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  SeenImage as default
};
