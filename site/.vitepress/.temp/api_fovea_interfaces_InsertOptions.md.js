import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: InsertOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/InsertOptions.md","filePath":"api/fovea/interfaces/InsertOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/InsertOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-insertoptions" tabindex="-1">Interface: InsertOptions <a class="header-anchor" href="#interface-insertoptions" aria-label="Permalink to &quot;Interface: InsertOptions&quot;">​</a></h1><p>Options of <a href="./../functions/insertAttention">insertAttention</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-identityatstart"></a> <code>identityAtStart?</code></td><td style="text-align:left;"><code>boolean</code></td><td style="text-align:left;">Blend the modules in with a learned factor that starts at 0, see <code>Blend</code>.</td></tr><tr><td style="text-align:left;"><a id="property-input"></a> <code>input?</code></td><td style="text-align:left;">readonly [<code>number</code>, <code>number</code>, <code>number</code>]</td><td style="text-align:left;">[channels, height, width] of an image, used to find the maps. Any size the network takes will do.</td></tr><tr><td style="text-align:left;"><a id="property-options"></a> <code>options?</code></td><td style="text-align:left;">| <code>Readonly</code>&lt;<code>Record</code>&lt;<code>string</code>, <code>unknown</code>&gt;&gt; | ((<code>place</code>) =&gt; <a href="./../type-aliases/AttentionOptions"><code>AttentionOptions</code></a>)</td><td style="text-align:left;">Options of the modules, or a function that returns them for each place.</td></tr><tr><td style="text-align:left;"><a id="property-seed"></a> <code>seed?</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Seed of the initial weights.</td></tr><tr><td style="text-align:left;"><a id="property-where"></a> <code>where?</code></td><td style="text-align:left;">| <code>&quot;activation&quot;</code> | <code>&quot;stage&quot;</code> | <code>&quot;residual&quot;</code> | <code>&quot;convolution&quot;</code> | ((<code>path</code>, <code>module</code>) =&gt; <code>boolean</code>)</td><td style="text-align:left;">Which outputs the modules act on: <code>residual</code>, of every residual branch; <code>convolution</code>, of every block&#39;s last spatial convolution; <code>activation</code>, the input of every block&#39;s last convolution; <code>stage</code>, of every stage but the last; or a predicate on path and module. Default: the module&#39;s own placement, or <code>residual</code> in networks that do not support it.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/InsertOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const InsertOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  InsertOptions as default
};
