"""What Python in the browser does first. It becomes a module of the site's `optimizers`."""

import pyodide_js
import tqdm

# The browser fetches what a cell imports before the cell runs. It cannot know that our data sets
# import scikit-learn, so we say it here: 20 MB that only the notebooks with data should cost.
pyodide_js._api._import_name_to_package_name.set("optimizers.datasets", "scikit-learn")

tqdm.tqdm.monitor_interval = 0  # there is no thread for it

del pyodide_js, tqdm
