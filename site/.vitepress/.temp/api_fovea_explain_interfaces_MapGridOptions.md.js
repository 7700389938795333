import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: MapGridOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/MapGridOptions.md","filePath":"api/fovea/explain/interfaces/MapGridOptions.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/MapGridOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-mapgridoptions" tabindex="-1">Interface: MapGridOptions <a class="header-anchor" href="#interface-mapgridoptions" aria-label="Permalink to &quot;Interface: MapGridOptions&quot;">​</a></h1><p>Options of <a href="./../functions/drawMapGrid">drawMapGrid</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-cellsize"></a> <code>cellSize?</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Longer side of a cell, in pixels. Default: what makes the drawing 560 wide, from 72 to 240.</td></tr><tr><td style="text-align:left;"><a id="property-colors"></a> <code>colors?</code></td><td style="text-align:left;"><code>&quot;inferno&quot;</code> | <code>&quot;viridis&quot;</code></td><td style="text-align:left;">Colors of maps without negative values. Default <code>inferno</code>. Others go from blue through 0 to red.</td></tr><tr><td style="text-align:left;"><a id="property-contours"></a> <code>contours?</code></td><td style="text-align:left;">readonly <code>number</code>[]</td><td style="text-align:left;">Contours at these shares of each map&#39;s largest value, such as [0.5]. Default: none.</td></tr><tr><td style="text-align:left;"><a id="property-description"></a> <code>description?</code></td><td style="text-align:left;"><code>string</code></td><td style="text-align:left;">Read out after the title. Default: how many maps there are, and of what.</td></tr><tr><td style="text-align:left;"><a id="property-opacity"></a> <code>opacity?</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Opacity of the largest values over an image; smaller ones are proportionally more transparent. Default 0.75.</td></tr><tr><td style="text-align:left;"><a id="property-scale"></a> <code>scale?</code></td><td style="text-align:left;"><code>&quot;shared&quot;</code> | <code>&quot;cell&quot;</code> | <code>&quot;column&quot;</code></td><td style="text-align:left;">Which maps share a scale: all (<code>shared</code>, the default), those of a column, or none; the drawing says which. On a shared scale a map with little evidence looks like it; methods in different units need their own scales.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/MapGridOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const MapGridOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  MapGridOptions as default
};
