import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ExplainableNetwork","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/ExplainableNetwork.md","filePath":"api/fovea/interfaces/ExplainableNetwork.md"}');
const _sfc_main = { name: "api/fovea/interfaces/ExplainableNetwork.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-explainablenetwork" tabindex="-1">Interface: ExplainableNetwork <a class="header-anchor" href="#interface-explainablenetwork" aria-label="Permalink to &quot;Interface: ExplainableNetwork&quot;">​</a></h1><p>A network to explain: what <code>loadRun</code> returns, or a module of your own.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-classes"></a> <code>classes?</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[] | <code>null</code></td><td style="text-align:left;" data-label="Description">Names of the classes, in the order of the logits.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-inputshape"></a> <code>inputShape?</code></td><td style="text-align:left;" data-label="Type">readonly [<code>number</code>, <code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">[C,H,W]. Default [3,S,S] of the preprocessing.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-model"></a> <code>model</code></td><td style="text-align:left;" data-label="Type"><a href="./Module"><code>Module</code></a></td><td style="text-align:left;" data-label="Description">The network, with its weights.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-preprocessing"></a> <code>preprocessing?</code></td><td style="text-align:left;" data-label="Type"><a href="./Preprocessing"><code>Preprocessing</code></a> | <code>null</code></td><td style="text-align:left;" data-label="Description">How images become inputs. Without it, images are tensors [C,H,W] as the network takes them, and <code>inputShape</code> is required.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/ExplainableNetwork.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ExplainableNetwork = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ExplainableNetwork as default
};
