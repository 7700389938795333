import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: TrainedNetwork","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/TrainedNetwork.md","filePath":"api/fovea/interfaces/TrainedNetwork.md"}');
const _sfc_main = { name: "api/fovea/interfaces/TrainedNetwork.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-trainednetwork" tabindex="-1">Interface: TrainedNetwork <a class="header-anchor" href="#interface-trainednetwork" aria-label="Permalink to &quot;Interface: TrainedNetwork&quot;">​</a></h1><p>The network of a run, with its weights and training configuration.</p><h2 id="extends" tabindex="-1">Extends <a class="header-anchor" href="#extends" aria-label="Permalink to &quot;Extends&quot;">​</a></h2><ul><li><a href="./Classifier"><code>Classifier</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th><th style="text-align:left;">Overrides</th><th style="text-align:left;">Inherited from</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-classes"></a> <code>classes</code></td><td style="text-align:left;">readonly <code>string</code>[]</td><td style="text-align:left;">Class names in the order of the logits; null if unknown.</td><td style="text-align:left;"><a href="./Classifier"><code>Classifier</code></a>.<a href="./Classifier#property-classes"><code>classes</code></a></td><td style="text-align:left;">-</td></tr><tr><td style="text-align:left;"><a id="property-config"></a> <code>config</code></td><td style="text-align:left;"><a href="./RunConfig"><code>RunConfig</code></a></td><td style="text-align:left;">The configuration of the run.</td><td style="text-align:left;">-</td><td style="text-align:left;">-</td></tr><tr><td style="text-align:left;"><a id="property-model"></a> <code>model</code></td><td style="text-align:left;"><a href="./Module"><code>Module</code></a></td><td style="text-align:left;">The network, with weights.</td><td style="text-align:left;">-</td><td style="text-align:left;"><a href="./Classifier"><code>Classifier</code></a>.<a href="./Classifier#property-model"><code>model</code></a></td></tr><tr><td style="text-align:left;"><a id="property-preprocessing"></a> <code>preprocessing</code></td><td style="text-align:left;"><a href="./Preprocessing"><code>Preprocessing</code></a></td><td style="text-align:left;">How images become inputs: as in training.</td><td style="text-align:left;">-</td><td style="text-align:left;"><a href="./Classifier"><code>Classifier</code></a>.<a href="./Classifier#property-preprocessing"><code>preprocessing</code></a></td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/TrainedNetwork.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const TrainedNetwork = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  TrainedNetwork as default
};
