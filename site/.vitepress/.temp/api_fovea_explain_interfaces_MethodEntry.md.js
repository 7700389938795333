import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: MethodEntry","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/MethodEntry.md","filePath":"api/fovea/explain/interfaces/MethodEntry.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/MethodEntry.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-methodentry" tabindex="-1">Interface: MethodEntry <a class="header-anchor" href="#interface-methodentry" aria-label="Permalink to &quot;Interface: MethodEntry&quot;">​</a></h1><p>What is known about a method.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-failssanitychecks"></a> <code>failsSanityChecks</code></td><td style="text-align:left;"><code>boolean</code></td><td style="text-align:left;">Whether it has been shown to give much the same map for a network with random weights (Adebayo et al., 2018).</td></tr><tr><td style="text-align:left;"><a id="property-kind"></a> <code>kind</code></td><td style="text-align:left;"><code>&quot;activation&quot;</code> | <code>&quot;attribution&quot;</code></td><td style="text-align:left;"><code>activation</code>: a map of a layer; <code>attribution</code>: of the input&#39;s pixels.</td></tr><tr><td style="text-align:left;"><a id="property-layer"></a> <code>layer</code></td><td style="text-align:left;"><code>boolean</code></td><td style="text-align:left;">Whether it explains a layer.</td></tr><tr><td style="text-align:left;"><a id="property-name"></a> <code>name</code></td><td style="text-align:left;"><a href="./../../type-aliases/MethodName"><code>MethodName</code></a></td><td style="text-align:left;">As it is asked for.</td></tr><tr><td style="text-align:left;"><a id="property-options"></a> <code>options</code></td><td style="text-align:left;">readonly (keyof <a href="./AttributionOptions"><code>AttributionOptions</code></a>)[]</td><td style="text-align:left;">The options it takes besides <code>variant</code>.</td></tr><tr><td style="text-align:left;"><a id="property-title"></a> <code>title</code></td><td style="text-align:left;"><code>string</code></td><td style="text-align:left;">As papers write it, such as <code>Grad-CAM++</code>.</td></tr><tr><td style="text-align:left;"><a id="property-variants"></a> <code>variants</code></td><td style="text-align:left;">readonly <code>string</code>[]</td><td style="text-align:left;">The first is the default; empty if there is only one.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/MethodEntry.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const MethodEntry = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  MethodEntry as default
};
