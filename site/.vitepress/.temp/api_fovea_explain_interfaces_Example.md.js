import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Example","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/Example.md","filePath":"api/fovea/explain/interfaces/Example.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/Example.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-example" tabindex="-1">Interface: Example <a class="header-anchor" href="#interface-example" aria-label="Permalink to &quot;Interface: Example&quot;">​</a></h1><p>An image as the network takes it, [C,H,W], and the class to explain.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-input"></a> <code>input</code></td><td style="text-align:left;"><a href="./../../interfaces/Tensor"><code>Tensor</code></a></td><td style="text-align:left;">[C,H,W], normalized.</td></tr><tr><td style="text-align:left;"><a id="property-target"></a> <code>target</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Index of the class.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/Example.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Example = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Example as default
};
