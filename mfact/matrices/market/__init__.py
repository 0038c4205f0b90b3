"""MatrixMarket files, and the folders of counts that hold one."""
