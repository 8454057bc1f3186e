// What the page can do without: filtering the stories, and showing a story's points on the map.
(function () {
  "use strict";
  var filter = document.getElementById("filter");
  var stories = Array.prototype.slice.call(document.querySelectorAll(".story"));
  if (!filter || !stories.length) return;
  filter.hidden = false;

  var texts = stories.map(function (story) { return story.textContent.normalize("NFKC").toLowerCase(); });
  filter.addEventListener("input", function () {
    var words = filter.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
    stories.forEach(function (story, i) {
      story.hidden = !words.every(function (word) { return texts[i].indexOf(word) >= 0; });
    });
    document.querySelectorAll(".genre").forEach(function (genre) {
      genre.hidden = words.length > 0 && !genre.querySelector(".story:not([hidden])");
    });
    document.querySelector(".top") && (document.querySelector(".top").hidden = words.length > 0);
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && document.activeElement !== filter) {
      event.preventDefault();
      filter.focus();
    } else if (event.key === "Escape" && document.activeElement === filter) {
      filter.value = "";
      filter.dispatchEvent(new Event("input"));
      filter.blur();
    }
  });

  stories.forEach(function (story) {
    var link = document.querySelector('.map a[href="#' + story.id + '"]');
    if (!link) return;
    story.addEventListener("mouseenter", function () { link.classList.add("on"); });
    story.addEventListener("mouseleave", function () { link.classList.remove("on"); });
  });
})();
