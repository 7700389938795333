import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: WinogradTuning","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/interfaces/WinogradTuning.md","filePath":"api/fovea/engine/interfaces/WinogradTuning.md"}');
const _sfc_main = { name: "api/fovea/engine/interfaces/WinogradTuning.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-winogradtuning" tabindex="-1">Interface: WinogradTuning <a class="header-anchor" href="#interface-winogradtuning" aria-label="Permalink to &quot;Interface: WinogradTuning&quot;">​</a></h1><p>Which 3×3 convolutions use Winograd&#39;s algorithm, per output tile: 2×2 and, where allowed, 4×4. Maps smaller than 4×4 never do.</p><h2 id="extends" tabindex="-1">Extends <a class="header-anchor" href="#extends" aria-label="Permalink to &quot;Extends&quot;">​</a></h2><ul><li><code>Readonly</code>&lt;<code>Record</code>&lt;<a href="./../type-aliases/WinogradTile"><code>WinogradTile</code></a>, <a href="./../type-aliases/WinogradSides"><code>WinogradSides</code></a>&gt;&gt;</li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th><th style="text-align:left;">Inherited from</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-2"></a> <code>2</code></td><td style="text-align:left;" data-label="Type"><code>Readonly</code>&lt;<code>Record</code>&lt;<code>number</code>, <code>number</code>&gt;&gt;</td><td style="text-align:left;" data-label="Description">-</td><td style="text-align:left;" data-label="Inherited from"><code>WinogradTuning</code>.<a href="#property-2"><code>2</code></a></td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-4"></a> <code>4</code></td><td style="text-align:left;" data-label="Type"><code>Readonly</code>&lt;<code>Record</code>&lt;<code>number</code>, <code>number</code>&gt;&gt;</td><td style="text-align:left;" data-label="Description">-</td><td style="text-align:left;" data-label="Inherited from"><code>WinogradTuning</code>.<a href="#property-4"><code>4</code></a></td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-positions"></a> <code>positions</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">The fewest positions, images · height · width: transforming the weight costs the same for one image as for many.</td><td style="text-align:left;" data-label="Inherited from">-</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/interfaces/WinogradTuning.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const WinogradTuning = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  WinogradTuning as default
};
