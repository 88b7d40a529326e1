/** The one script that a page waits for: it sets the chosen colours before anything is painted. */
import { applyChosenTheme } from "./theme-choice.js";

applyChosenTheme();
