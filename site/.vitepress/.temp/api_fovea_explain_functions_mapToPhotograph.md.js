import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Function: mapToPhotograph()","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/functions/mapToPhotograph.md","filePath":"api/fovea/explain/functions/mapToPhotograph.md"}');
const _sfc_main = { name: "api/fovea/explain/functions/mapToPhotograph.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="function-maptophotograph" tabindex="-1">Function: mapToPhotograph() <a class="header-anchor" href="#function-maptophotograph" aria-label="Permalink to &quot;Function: mapToPhotograph()&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">function</span><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;"> mapToPhotograph</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">(</span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   map</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   region</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   photograph</span></span>
<span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">)</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">:</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> Heatmap</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">;</span></span></code></pre></div><p>The map of a crop on the whole photo: bilinear, and NaN where the network saw nothing.</p><h2 id="parameters" tabindex="-1">Parameters <a class="header-anchor" href="#parameters" aria-label="Permalink to &quot;Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Parameter</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Parameter"><code>map</code></td><td style="text-align:left;" data-label="Type"><a href="./../../interfaces/Heatmap"><code>Heatmap</code></a></td><td style="text-align:left;" data-label="Description">-</td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>region</code></td><td style="text-align:left;" data-label="Type"><code>Region</code></td><td style="text-align:left;" data-label="Description">what the map covers, in pixels of the photo, from <code>inputRegion</code></td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>photograph</code></td><td style="text-align:left;" data-label="Type">{ <code>height</code>: <code>number</code>; <code>width</code>: <code>number</code>; }</td><td style="text-align:left;" data-label="Description">-</td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>photograph.height</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">-</td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>photograph.width</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">-</td></tr></tbody></table><h2 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h2><p><a href="./../../interfaces/Heatmap"><code>Heatmap</code></a></p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/functions/mapToPhotograph.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const mapToPhotograph = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  mapToPhotograph as default
};
