import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Function: smallestDetectable()","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/namespaces/statistics/functions/smallestDetectable.md","filePath":"api/fovea/namespaces/statistics/functions/smallestDetectable.md"}');
const _sfc_main = { name: "api/fovea/namespaces/statistics/functions/smallestDetectable.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="function-smallestdetectable" tabindex="-1">Function: smallestDetectable() <a class="header-anchor" href="#function-smallestdetectable" aria-label="Permalink to &quot;Function: smallestDetectable()&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">function</span><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;"> smallestDetectable</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">(</span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   sd</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   n</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   __namedParameters</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">?</span></span>
<span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">)</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">:</span><span style="--shiki-light:#023B95;--shiki-dark:#91CBFF;"> number</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">;</span></span></code></pre></div><p>The difference that a paired t test of n pairs detects with the given power, if the differences have the standard deviation <code>sd</code>: (t(1 − α/2) + t(power)) · sd / √n, with n − 1 degrees of freedom. With Holm&#39;s correction over m tests, α is 0.05 / m.</p><h2 id="parameters" tabindex="-1">Parameters <a class="header-anchor" href="#parameters" aria-label="Permalink to &quot;Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Parameter</th><th style="text-align:left;">Type</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Parameter"><code>sd</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>n</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>__namedParameters?</code></td><td style="text-align:left;" data-label="Type">{ <code>alpha?</code>: <code>number</code>; <code>power?</code>: <code>number</code>; }</td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>__namedParameters.alpha?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>__namedParameters.power?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td></tr></tbody></table><h2 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h2><p><code>number</code></p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/namespaces/statistics/functions/smallestDetectable.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const smallestDetectable = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  smallestDetectable as default
};
